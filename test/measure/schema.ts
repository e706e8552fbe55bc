/** Checks data against as much of JSON Schema as docs/report.schema.json uses; an unknown keyword is an error. */
import { isDeepStrictEqual } from "node:util";

export interface Schema { readonly [keyword: string]: unknown }

const ANNOTATIONS = new Set(["$schema", "title", "description", "$defs"]);

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** What is wrong, with the place; empty where the data are valid. */
export function violations(value: unknown, schema: Schema, root: Schema = schema, at = "$"): string[] {
  const record = (of: unknown): Readonly<Record<string, unknown>> => of as Record<string, unknown>;
  const properties = record(schema["properties"] ?? {});
  return Object.entries(schema).flatMap(([keyword, rule]): string[] => {
    switch (keyword) {
      case "$ref": return violations(value, record(record(root["$defs"])[String(rule).replace("#/$defs/", "")]), root, at);
      case "type": {
        const types = [rule].flat(), type = typeOf(value);
        return types.includes(type) || type === "integer" && types.includes("number") ? [] : [`${at} is ${type}, not ${types.join(" or ")}`];
      }
      case "const": return isDeepStrictEqual(value, rule) ? [] : [`${at} is not ${JSON.stringify(rule)}`];
      case "enum": return (rule as unknown[]).includes(value) ? [] : [`${at} is none of ${JSON.stringify(rule)}`];
      case "minimum": return Number(value) >= Number(rule) ? [] : [`${at} is below ${String(rule)}`];
      case "maximum": return Number(value) <= Number(rule) ? [] : [`${at} is above ${String(rule)}`];
      case "required": return value === null ? [] : (rule as string[]).filter((name) => !Object.hasOwn(record(value), name)).map((name) => `${at}.${name} is missing`);
      case "properties": return value === null ? [] : Object.entries(record(value)).flatMap(([name, each]) => (Object.hasOwn(properties, name) ? violations(each, record(properties[name]), root, `${at}.${name}`) : []));
      case "additionalProperties": return value === null ? [] : Object.entries(record(value)).filter(([name]) => !Object.hasOwn(properties, name))
        .flatMap(([name, each]) => (rule === false ? [`${at}.${name} is unknown`] : violations(each, record(rule), root, `${at}.${name}`)));
      case "items": return (value as unknown[]).flatMap((each, k) => violations(each, record(rule), root, `${at}[${k}]`));
      default: return ANNOTATIONS.has(keyword) ? [] : [`the schema uses ${keyword}, which is not checked here`];
    }
  });
}
