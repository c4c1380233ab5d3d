/** Names out of foreign files, as a terminal may show them: no control character, no change of the direction of writing. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');
