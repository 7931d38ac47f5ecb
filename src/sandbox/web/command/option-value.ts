/** A file within JSON, as the control API takes it. */
export interface SentFile {
  readonly filename: string;
  readonly contentType: string;
  readonly dataBase64: string;
}

export type OptionValue = string | number | boolean | SentFile;
