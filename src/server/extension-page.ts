import type { ExtensionArchive } from './extension-archive.ts';

const STYLE = 'body { font: 16px/1.6 system-ui, sans-serif; max-width: 44em; margin: 3em auto; padding: 0 1em }';

/** The page for people: every link is relative, so that the addresses are right however the gateway is reached. */
export function renderExtensionPage({ version, fileName }: ExtensionArchive): string {
  // What Blender reads when the link is dropped into its window, as its own generator of repositories writes it.
  const dropped = `./${fileName}?repository=.%2Findex.json&amp;blender_version_min=4.2.0`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tablao for Blender</title>
<style>${STYLE}</style>
<h1>Tablao ${version} for Blender</h1>
<h2>Blender 4.2 and newer</h2>
<p>Drag this link into Blender's window: <a href="${dropped}">Tablao</a>. It installs the add-on, and its updates come from here.
<p>Or by hand: <em>Edit ▸ Preferences ▸ Get Extensions ▸ Repositories ▸ + ▸ Add Remote Repository</em>, and paste the address
of <a href="./index.json">this link</a> (right click, copy).
<h2>Blender 3.4 to 4.1</h2>
<p>Download <a href="./${fileName}">${fileName}</a>, then <em>Edit ▸ Preferences ▸ Add-ons ▸ Install…</em>
</html>
`;
}
