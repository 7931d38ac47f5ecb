export const adminTexts = {};
