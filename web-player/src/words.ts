/** Everything that the pages say, in one place. */

export const words = {
  brand: 'Boxmesh',

  stage: {
    loading: 'Starting…',
    waiting: 'Waiting for data…',
    offAir: (channel: string) => ({
      title: `${channel} is off air`,
      text: 'The picture comes by itself when the channel is back.',
    }),
    missing: (channel: string) => ({
      title: `There is no channel “${channel}”`,
      text: 'Check the address. Should the channel appear, it starts here by itself.',
    }),
    badName: {
      title: 'This address names no channel',
      text: 'A channel’s address is /watch/ and its name: small letters, digits, _ and -.',
    },
    noKeys: (channel: string) => ({
      title: `${channel} cannot be verified`,
      text: 'The tracker told no key for this channel, so nothing is played. It starts by itself when there is one.',
    }),
    unreachable: {
      title: 'The tracker does not answer',
      text: 'Trying again every two seconds.',
    },
    undecodable: (codec: string) => ({
      title: 'This browser cannot play the video',
      text: `The channel is sent as ${codec}, which this browser cannot decode. Another browser may.`,
    }),
    noMediaSource: {
      title: 'This browser cannot play live video',
      text: 'It has no Media Source Extensions. Any current browser has them.',
    },
    pressPlay: {
      title: 'Press play',
      text: 'The browser starts no video by itself here.',
    },
    retrying: { title: 'The video broke off', text: 'Starting it again…' },
    silent: (codec: string) => `No sound: this browser cannot decode ${codec}.`,
  },

  controls: {
    group: 'Player',
    video: (channel: string) => `Live video of ${channel}`,
    play: 'Play',
    pause: 'Pause',
    mute: 'Mute',
    unmute: 'Turn on sound',
    volume: 'Volume',
    live: 'Live',
    goLive: 'Go live',
    offAir: 'Off air',
    details: 'Details',
    enterFullscreen: 'Full screen',
    leaveFullscreen: 'Leave full screen',
    sound: 'Turn on sound',
    keys: 'Space plays and pauses, M mutes, F is full screen.',
  },

  panel: {
    title: 'Where the video comes from',
    verified: 'Verified',
    verifiedText: (chunks: string) =>
      `All ${chunks} pieces shown carry the signature of the channel’s origin.`,
    verifying: 'Checking',
    verifyingText: 'Each piece is checked against the origin’s signature before it is shown.',
    unverified: 'Not verified',
    unverifiedText: 'This is a test build: it shows pieces that it has not checked.',
    latency: 'Behind live',
    buffer: 'Buffer',
    interruptions: 'Interruptions',
    none: 'none',
    boxes: 'Boxes',
    origin: 'Origin',
    nothingYet: 'Nothing received yet',
    source: 'Source',
    received: 'Received',
    share: 'Share',
    refused: 'Refused',
    leftOut: 'left out: it sent altered data',
    altered: 'altered data was refused',
    shares: (boxes: string, origin: string) => `${boxes} from boxes, ${origin} from the origin`,
  },

  channels: {
    title: 'Channels',
    lead: 'Live video, carried by boxes at people’s homes.',
    live: 'Live',
    offAir: 'Off air',
    carriedBy: (boxes: number) =>
      boxes === 0 ? 'no box yet' : boxes === 1 ? '1 box' : `${boxes} boxes`,
    loading: 'Asking the tracker…',
    unreachable: 'The tracker does not answer. Trying again every two seconds.',
    emptyTitle: 'No channel yet',
    emptyText: 'This page shows a channel as soon as somebody publishes one.',
    publishTitle: 'Publish',
    publishText: 'In OBS, under Settings → Stream, choose Custom and enter:',
    publishServer: 'Server',
    publishKey: 'Stream key',
    publishKeyHint: 'the key that the origin printed when it started',
    publishNote: 'The server is the host that the origin runs on.',
    boxTitle: 'Run a box',
    boxText: 'A box takes the video in and passes it on to viewers and to other boxes:',
    copy: 'Copy',
    copied: 'Copied',
  },
} as const;
