// @vitest-environment happy-dom
// dash.js sees one address; whom to ask stays with the mesh.
import { describe, expect, it } from 'vitest';

import type { Supports } from '../src/watch/codecs';
import { type Manifest, readManifest } from '../src/watch/manifest';

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
const read = (xml: string, supports: Supports = () => true): Manifest | null =>
  readManifest(xml, URL_, 'demo', supports);
const textOf = (manifest: Manifest | null): string =>
  manifest ? new XMLSerializer().serializeToString(manifest.document) : '';

it('tells where segments may be had, in the tracker’s order', () => {
  expect(read(MPD(BASES))?.places).toEqual([
    { name: 'box-1', url: 'http://192.0.2.1:8090/live/demo/', kind: 'box' },
    { name: 'box-2', url: 'http://192.0.2.2:8090/live/demo/', kind: 'box' },
    { name: 'origin', url: 'https://origin.example/live/demo/', kind: 'origin' },
  ]);
});

it.each([
  ['target="2000" min="1000"', '1500'],
  ['target="2000" min="1800"', '1800'],
  ['target="300"', '0'],
  ['target="300" min="400"', '300'],
  ['target="soon" min="1"', 'soon'],
])('aims as much nearer as lies outside of what is counted: %s', (said, target) => {
  const text = textOf(
    read(MPD(`${BASES}<ServiceDescription><Latency ${said}/></ServiceDescription>`)),
  );
  expect(/<Latency[^>]* ?target="([^"]*)"/.exec(text)?.[1]).toBe(target);
});

it('leaves dash.js one address, and nothing to steer by, and keeps that for itself', () => {
  const steered = `${BASES}<ContentSteering>http://tracker:8080/steering?a</ContentSteering>`;
  const manifest = read(MPD(steered));
  expect(manifest?.steering).toBe('http://tracker:8080/steering?a');
  expect(read(MPD(BASES))?.steering).toBeNull();
  const text = textOf(manifest);
  expect(text.match(/<BaseURL/g)).toHaveLength(1);
  expect(text).toContain('>http://tracker:8080/live/demo/</BaseURL>');
  expect(text).not.toContain('ContentSteering');
  expect(text).toContain('UTCTiming');
});

it('knows the epochs, in their order, and what is in them', () => {
  const periods = PERIOD(1790000000001) + PERIOD(1790000000000);
  const manifest = read(MPD(BASES, periods));
  expect(manifest?.periods.map((period) => [period.epoch, period.id])).toEqual([
    [1790000000000n, '1790000000000'],
    [1790000000001n, '1790000000001'],
  ]);
  expect([...(manifest?.periods[0]?.kinds ?? [])]).toEqual(['video', 'audio']);
});

it('is the last one when it says no more when the next comes', () => {
  expect(read(MPD(BASES))?.isFinal).toBe(true);
  const dynamic = MPD(BASES).replace('<MPD ', '<MPD minimumUpdatePeriod="PT1S" ');
  expect(read(dynamic)?.isFinal).toBe(false);
});

describe('tracks that cannot be decoded here', () => {
  it('are taken out, and named', () => {
    const manifest = read(MPD(BASES), (type) => !type.includes('mp4a'));
    expect(manifest?.periods[0]).toMatchObject({
      kinds: new Set(['video']),
      unplayable: [{ kind: 'audio', codec: 'AAC, mp4a.40.2' }],
    });
    expect(textOf(manifest).match(/<AdaptationSet/g)).toHaveLength(1);
  });

  it('leave the others of their kind', () => {
    const rendition = '<Representation id="v1" codecs="avc1.42c01e"/></AdaptationSet>';
    const ladder = MPD(BASES).replace('</AdaptationSet>', rendition);
    const manifest = read(ladder, (type) => !type.includes('avc1.64'));
    expect(manifest?.periods[0]?.unplayable).toEqual([]);
    expect(textOf(manifest)).not.toContain('"v0"');
    expect(textOf(manifest)).toContain('"v1"');
  });

  it('take their whole Period along when it has no other picture', () => {
    const periods =
      PERIOD(1790000000000) + PERIOD(1790000000001).replace('avc1.64001f', 'hvc1.1.6.L93.B0');
    const manifest = read(MPD(BASES, periods), (type) => !type.includes('hvc1'));
    expect(textOf(manifest).match(/<Period/g)).toHaveLength(1);
    expect(manifest?.periods.at(-1)).toMatchObject({
      epoch: 1790000000001n,
      kinds: new Set(),
      unplayable: [{ kind: 'video', codec: 'H.265 (HEVC), hvc1.1.6.L93.B0' }],
    });
  });
});

describe('what is no place', () => {
  it.each(['javascript:alert(1)', 'file:///etc/', 'http://'])('%s is left out', (url) => {
    const base = `<BaseURL serviceLocation="box-1">${url}</BaseURL>`;
    expect(read(MPD(base))?.places).toEqual([]);
  });
});

it.each(['', 'not xml', '<html></html>', MPD(BASES, '')])('is null for %s', (text) => {
  expect(read(text)).toBeNull();
});
