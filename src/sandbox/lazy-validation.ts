type Validate = ((data: unknown) => unknown) & { errors?: object[] | null };

interface SchemaCompiler {
  compile: (schema: object) => Validate;
}

/**
 * Has the schema of a route compiled when the route is first asked for. Most of a sandbox's life nobody asks for the
 * control routes, and to compile all their schemas takes longer than the rest of its start.
 */
export function compileOnFirstUse(compiler: object): void {
  const target = compiler as SchemaCompiler;
  const compile = target.compile.bind(target);
  target.compile = (schema) => {
    let compiled: Validate | undefined;
    const validate: Validate = (data) => {
      compiled ??= compile(schema);
      const isValid = compiled(data);
      // Where the caller looks for what is wrong.
      validate.errors = compiled.errors ?? null;
      return isValid;
    };
    return validate;
  };
}
