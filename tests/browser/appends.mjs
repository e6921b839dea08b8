/**
 * What the page really handed to the decoder, seen from below the player: each `mdat` that was
 * appended to a SourceBuffer, by the SHA-256 of its payload. It does not ask the player, it watches it.
 */

/** Runs in the page, before any script of its own. Where there is no WebCrypto it sees nothing. */
export function watchAppends() {
  window.__appended = { hashes: () => [] };
  if (!window.isSecureContext) return;

  const digests = [];
  /** Bytes of a box whose end was not appended yet. */
  const rests = new WeakMap();

  const note = async (payload) => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', payload));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  };

  const read = (buffer, appended) => {
    const rest = rests.get(buffer) ?? new Uint8Array(0);
    const bytes = new Uint8Array(rest.length + appended.length);
    bytes.set(rest);
    bytes.set(appended, rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (at + 8 <= bytes.length) {
      const size = view.getUint32(at);
      if (size < 8 || at + size > bytes.length) break;
      const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      if (kind === 'mdat') digests.push(note(bytes.slice(at + 8, at + size)));
      at += size;
    }
    rests.set(buffer, bytes.slice(at));
  };

  const { appendBuffer, abort } = SourceBuffer.prototype;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    read(this, bytes);
    return appendBuffer.call(this, data);
  };
  SourceBuffer.prototype.abort = function () {
    rests.delete(this);
    return abort.call(this);
  };
  window.__appended = { hashes: () => Promise.all(digests) };
}
