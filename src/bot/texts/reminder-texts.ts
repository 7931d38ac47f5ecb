export const reminderTexts = {};
