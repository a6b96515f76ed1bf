import { dictionary } from '@zxcvbn-ts/language-common';

/** 49 000 passwords from published leaks, lower case, in memory: no password is ever sent anywhere to be checked. */
export const commonPasswords: ReadonlySet<string> = new Set(dictionary['passwords-common']);
