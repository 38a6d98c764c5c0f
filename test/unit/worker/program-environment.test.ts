import { expect, it } from 'vitest';
import { cleanEnvironment } from '../../../src/worker/program-environment.ts';

it('lets programs see what they need, and no secret of the worker', () => {
  const needed = {
    PATH: '/bin',
    HOME: '/h',
    LANG: 'de_DE.UTF-8',
    LC_ALL: 'C',
    TMPDIR: '/t',
    BLENDER_USER_CONFIG: '/c',
    CUDA_VISIBLE_DEVICES: '1',
    OCIO: '/o',
  };
  const secret = {
    TABLAO_TOKEN_FILE: '/s',
    DATABASE_URL: 'postgres://u:p@h/d',
    PYTHONPATH: '/p',
    LD_PRELOAD: '/x.so',
    NODE_OPTIONS: '--inspect',
    AWS_SECRET_ACCESS_KEY: 'k',
  };
  expect(cleanEnvironment({ ...needed, ...secret })).toEqual(needed);
});
