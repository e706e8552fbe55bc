/**
 * What the user gave cannot be used: an option, a file, a set-up. One line says what and where; the command line
 * prints it and leaves with exit code 2.
 */
export class CalqueError extends Error {
  override readonly name = "CalqueError";
  /** The file, option or range that is at fault, or "". */
  readonly where: string;

  constructor(message: string, where = "") {
    super(where === "" ? message : `${where}: ${message}`);
    this.where = where;
  }
}
