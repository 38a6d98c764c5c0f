/**
 * What a program of a task sees of the worker's environment. Everything else stays out: secrets (tokens, database
 * addresses) have no business in a scene's scripts, and PYTHON… or LD_PRELOAD of a terminal would change renders.
 */
const ALLOWED = [
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP)$/i,
  /^(LC|XDG)_/,
  // Blender's own places, its colour management, and what GPU drivers need to find their devices
  /^(BLENDER|CYCLES|OCIO|OSL|CUDA|NVIDIA|HIP|ROCR|HSA|ONEAPI|SYCL|ZE|VK|MESA|LIBGL|EGL|__EGL|__GLX?)_?/,
  /^(DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|DYLD_FALLBACK_LIBRARY_PATH)$/,
  /^(OMP|MKL|OPENBLAS)_NUM_THREADS$/,
  // Windows does not start a program without these
  /^(SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES(\(X86\))?|NUMBER_OF_PROCESSORS)$/i,
];

export function cleanEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && ALLOWED.some((pattern) => pattern.test(name))) clean[name] = value;
  }
  return clean;
}
