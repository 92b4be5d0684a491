import { z } from 'zod';

/** A strong entity tag, without its quotes. What is between them is compared with what there is, so one that names nothing simply names something else. */
export const entityTag = (of: string) =>
  z
    .string()
    .regex(/^\s*"[\x21\x23-\x7e]{1,200}"\s*$/, `must be one entity tag in quotes: ${of}`)
    .transform((tag) => tag.trim().slice(1, -1));
