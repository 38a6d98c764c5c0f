/** The small pictures of rendered frames: what the worker makes and the gateway takes. */

/** Neither side is longer, in pixels. */
export const PICTURE_SIDE = 320;

/** How large a picture may be, in bytes: a picture of noise at a good quality has 40,000. */
export const MAX_PICTURE_BYTES = 65_536;
