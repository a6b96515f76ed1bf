const daySeconds = 24 * 60 * 60;

/** A refresh token that is not used this long ends its session. */
export const idleLifetimeSeconds = 7 * daySeconds;

/** A session ends this long after the sign-in, however busy it is. */
export const absoluteLifetimeSeconds = 30 * daySeconds;

/** A client that lost the answer to a refresh may ask again this long and gets the same successor. */
export const replayWindowSeconds = 10;
