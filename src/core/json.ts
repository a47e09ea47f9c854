/** What crosses a wire or a disk. Values of other types do not survive either. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
