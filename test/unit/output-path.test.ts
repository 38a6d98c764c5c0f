import { describe, expect, it } from 'vitest';
import { findPathFault, isAbsolutePath, splitPath } from '../../src/domain/file-path.ts';
import {
  FORMAT_EXTENSIONS,
  FRAME_FORMATS,
  findOutputFault,
  framePath,
  previewVideoPath,
  toOutputPattern,
} from '../../src/domain/output-path.ts';

describe('framePath', () => {
  // What scene.render.frame_path(frame=…) of Blender 3.4.1 gave for the same pattern, format and frame.
  it.each([
    ['/out/shot_######', 'PNG', 5, '/out/shot_000005.png'],
    ['/out/shot_######', 'PNG', -3, '/out/shot_-000003.png'],
    ['/out/shot_######', 'PNG', -1048574, '/out/shot_-1048574.png'],
    ['/out/shot_######', 'PNG', 1048574, '/out/shot_1048574.png'],
    ['/out/shot_#', 'PNG', 123, '/out/shot_123.png'],
    ['/out/shot_#', 'PNG', -3, '/out/shot_-3.png'],
    ['/out/####_x', 'PNG', -3, '/out/-0003_x.png'],
    ['/out/shot.v2_####', 'PNG', 5, '/out/shot.v2_0005.png'],
    ['/out/s_##', 'JPEG', 5, '/out/s_05.jpg'],
    ['/out/s_##', 'OPEN_EXR', 5, '/out/s_05.exr'],
    ['/out/s_##', 'TIFF', 5, '/out/s_05.tif'],
    ['/out/s_##', 'WEBP', 5, '/out/s_05.webp'],
  ] as const)('names frames as Blender does: %s %s %d', (pattern, format, frame, path) => {
    expect(framePath(pattern, format, frame)).toBe(path);
  });

  it('keeps $ and backslashes of the path', () => {
    expect(framePath('C:\\$1\\$&_##', 'PNG', 5)).toBe('C:\\$1\\$&_05.png');
  });

  it.each(['/out/shot', '/out/a##_##', '/out/##/shot', '/o##/shot_##'])('refuses the pattern %s', (pattern) => {
    expect(() => framePath(pattern, 'PNG', 1)).toThrow(RangeError);
  });
});

describe('toOutputPattern', () => {
  it.each([
    ['/out/shot_####.png', 'PNG', '/out/shot_####'],
    ['/out/shot_####.PNG', 'PNG', '/out/shot_####'],
    ['/out/shot_####.jpeg', 'JPEG', '/out/shot_####'],
    ['/out/shot_####.tiff', 'TIFF', '/out/shot_####'],
    ['/out/shot_####', 'PNG', '/out/shot_####'],
    ['/out/shot_####.v2', 'PNG', '/out/shot_####.v2'],
    ['/out.png/shot_####', 'PNG', '/out.png/shot_####'],
  ] as const)('%s as %s is %s', (path, format, pattern) => {
    expect(toOutputPattern(path, format)).toBe(pattern);
  });
});

describe('findOutputFault', () => {
  it.each([
    '/out/shot_######',
    '/out/######',
    '/out/#.png',
    '/out/a_##_b.v1',
    'C:\\out\\shot_####',
    '\\\\server\\share\\s_##',
    `/out/${'a'.repeat(190)}_####`,
  ])('finds none in %s', (path) => {
    expect(findOutputFault(path, 'PNG')).toBeNull();
  });

  it.each([
    ['/out/shot', 'no #'],
    ['/out/', 'no #'],
    ['/out/a_##_##', '2 groups of #'],
    ['/out/##/shot', 'folder'],
    ['/out/##/shot_####', 'folder'],
    ['C:\\##\\shot_####', 'folder'],
    ['/out/shot_####.mp4', 'leave off .mp4'],
    ['/out/shot_####.MKV', 'leave off .MKV'],
    ['/out/shot_####.exr', 'the format is PNG'],
    ['/out/shot_####.jpg', 'the format is PNG'],
    ['/out/{blend_name}_####', 'braces'],
    [`/out/${'#'.repeat(252)}`, '255 bytes'],
    [`/out/${'ü'.repeat(110)}_####`, '255 bytes'],
  ])('finds one in %s: %s', (path, fault) => {
    expect(findOutputFault(path, 'PNG')).toContain(fault);
  });

  it.each(FRAME_FORMATS)('lets through what framePath accepts, with and without the extension of %s', (format) => {
    for (const path of ['/out/shot_####', `/out/shot_####${FORMAT_EXTENSIONS[format]}`]) {
      expect(findOutputFault(path, format)).toBeNull();
      expect(framePath(toOutputPattern(path, format), format, 1)).toBe(`/out/shot_0001${FORMAT_EXTENSIONS[format]}`);
    }
  });

  it('checks all but the extension while the format is unknown', () => {
    expect(findOutputFault('/out/shot_####.exr', null)).toBeNull();
    expect(findOutputFault('/out/shot.exr', null)).toContain('no #');
  });
});

describe('previewVideoPath', () => {
  it.each([
    ['/out/shot_######', [1, 2, 3, 4], '/out/shot_1-4-preview.mp4'],
    ['/out/shot_######', [1, 4, 7, 10], '/out/shot_1-10x3-preview.mp4'],
    ['/out/######', [1, 5], '/out/1,5-preview.mp4'],
    ['/out/####_x', [-2, -1], '/out/-2..-1_x-preview.mp4'],
  ])('names the video of %s by its frames', (pattern, frames, path) => {
    expect(previewVideoPath(pattern, frames)).toBe(path);
  });

  it('keeps the name short when the range is long', () => {
    const frames = Array.from({ length: 100 }, (_, i) => i * i);
    expect(previewVideoPath('/out/shot_######', frames)).toBe('/out/shot_0..9801-100-frames-preview.mp4');
  });
});

describe('paths', () => {
  it.each(['/x', '/', 'C:\\x', 'c:/x', '\\\\server\\share', '\\\\server\\share\\x'])('%s is absolute', (path) => {
    expect(isAbsolutePath(path)).toBe(true);
    expect(findPathFault(path)).toBeNull();
  });

  it.each(['x', './x', '../x', '~/x', '//x', 'C:x', 'C:', '\\x', '\\\\server', '1:/x', '', ' /x', 'a:x'])(
    '%s is relative',
    (path) => {
      expect(isAbsolutePath(path)).toBe(false);
      expect(findPathFault(path)).toContain('relative');
    },
  );

  it("explains Blender's own sign for a relative path", () => {
    expect(findPathFault('//render/shot_####')).toContain('folder of the .blend');
  });

  it.each(['/a\nb', '/a\u0000b', `/${'a/'.repeat(600)}`, `/${'ü/'.repeat(400)}`])('refuses %j', (path) => {
    expect(findPathFault(path)).not.toBeNull();
  });

  // biome-ignore format: one row for those that are fine, one for those that are not
  it('below a root stay in its folder, on every system', () => {
    const fine = ['proj:shots/a.blend', 'P1:a', 'my-proj_2:ü/a b.blend', 'proj:shots/', 'proj:', 'proj:a..b/.c'];
    const wrong = ['proj:/a', 'proj:../a', 'proj:a/../b', 'proj:a/.', 'proj:./a', 'proj:a//b', 'proj:a\\b', 'proj:\\a', 'proj:a\nb'];
    expect(fine.filter((path) => findPathFault(path) !== null)).toEqual([]);
    expect(wrong.filter((path) => findPathFault(path) === null)).toEqual([]);
  });

  it.each(['p:a', '1p:a', 'pröj:a', `${'p'.repeat(33)}:a`, 'my proj:a'])('%s names no root', (path) => {
    expect(findPathFault(path)).toContain('relative');
  });

  it('parts folder and name by the separators of the kind of path', () => {
    expect(splitPath('/a/b\\c')).toStrictEqual({ folder: '/a/', name: 'b\\c' });
    expect(splitPath('C:\\a/b\\c')).toStrictEqual({ folder: 'C:\\a/b\\', name: 'c' });
    expect(splitPath('\\\\s\\t\\c')).toStrictEqual({ folder: '\\\\s\\t\\', name: 'c' });
    expect(splitPath('proj:a/b\\c')).toStrictEqual({ folder: 'proj:a/', name: 'b\\c' });
    expect(splitPath('proj:a')).toStrictEqual({ folder: 'proj:', name: 'a' });
    expect(splitPath('/a/')).toStrictEqual({ folder: '/a/', name: '' });
  });
});
