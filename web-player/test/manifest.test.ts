// @vitest-environment happy-dom
// dash.js sees one address; whom to ask stays with the mesh.
import { describe, expect, it } from 'vitest';

import { readManifest } from '../src/watch/manifest';

const URL_ = 'http://tracker:8080/live/demo/manifest.mpd';
const MPD = (bases: string, periods = PERIOD(1790000000000)): string => `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic">
  ${bases}
  ${periods}
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>
</MPD>`;
const PERIOD = (
  epoch: number,
): string => `<Period id="${epoch}"><AdaptationSet mimeType="video/mp4">
  <SegmentTemplate initialization="${epoch}/$RepresentationID$/init.m4v" media="${epoch}/$RepresentationID$/$Number$.m4v"/>
  <Representation id="v0" codecs="avc1.64001f"/></AdaptationSet>
  <AdaptationSet mimeType="audio/mp4"><Representation id="a0" codecs="mp4a.40.2"/></AdaptationSet></Period>`;
const BASES = `
  <BaseURL serviceLocation="box-1">http://192.0.2.1:8090/live/demo/</BaseURL>
  <BaseURL serviceLocation="box-2">http://192.0.2.2:8090/live/demo</BaseURL>
  <BaseURL serviceLocation="origin">https://origin.example/live/demo/</BaseURL>`;

it('tells where segments may be had, in the tracker’s order', () => {
  expect(readManifest(MPD(BASES), URL_, 'demo')?.places).toEqual([
    { name: 'box-1', url: 'http://192.0.2.1:8090/live/demo/', kind: 'box' },
    { name: 'box-2', url: 'http://192.0.2.2:8090/live/demo/', kind: 'box' },
    { name: 'origin', url: 'https://origin.example/live/demo/', kind: 'origin' },
  ]);
});

it('leaves dash.js one address, and nothing to steer by', () => {
  const steered = `${BASES}<ContentSteering>http://elsewhere/</ContentSteering>`;
  const text = readManifest(MPD(steered), URL_, 'demo')?.text ?? '';
  expect(text.match(/<BaseURL/g)).toHaveLength(1);
  expect(text).toContain('>http://tracker:8080/live/demo/</BaseURL>');
  expect(text).not.toContain('ContentSteering');
  expect(text).toContain('UTCTiming');
});

it('knows the epochs and the codecs', () => {
  const periods = PERIOD(1790000000001) + PERIOD(1790000000000);
  const manifest = readManifest(MPD(BASES, periods), URL_, 'demo');
  expect(manifest?.epochs).toEqual([1790000000000n, 1790000000001n]);
  expect(manifest?.tracks[0]).toEqual({
    kind: 'video',
    codec: 'avc1.64001f',
    type: 'video/mp4; codecs="avc1.64001f"',
  });
});

describe('what is no place', () => {
  it.each(['javascript:alert(1)', 'file:///etc/', 'http://'])('%s is left out', (url) => {
    const base = `<BaseURL serviceLocation="box-1">${url}</BaseURL>`;
    expect(readManifest(MPD(base), URL_, 'demo')?.places).toEqual([]);
  });
});

it.each(['', 'not xml', '<html></html>', MPD(BASES, '')])('is null for %s', (text) => {
  expect(readManifest(text, URL_, 'demo')).toBeNull();
});
