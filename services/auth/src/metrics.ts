import { counter, gauge, histogram } from '@capstone/platform/metric-registry';

/** What this service counts besides what the platform does for all. */
export const passwordHashDuration = histogram({
  name: 'auth_password_hash_duration_seconds',
  help: 'Time one hash or check of a password took, its wait for a place included.',
  buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
});

export const hashesWaiting = gauge({
  name: 'auth_password_hashes_waiting',
  help: 'Hashes that wait for a place.',
});

export const hashesShed = counter({
  name: 'auth_password_hashes_shed_total',
  help: 'Hashes refused because too many were waiting, or one for too long.',
});

export const attemptsRefused = counter({
  name: 'auth_attempts_refused_total',
  help: 'Passwords not looked at because too many wrong ones came before, from this place or for this account.',
});

export const sessionsRevokedAtRefresh = counter({
  name: 'auth_sessions_revoked_at_refresh_total',
  help: 'Sessions ended by a refresh: its token was used before, or the membership has ended.',
  labels: ['reason'],
  combinations: 6,
});
