/** Everything that the pages say, in English: the other languages have the same keys. */

export const en = {
  brand: 'Boxmesh',

  stage: {
    loading: 'Starting…',
    waiting: 'Waiting for data…',
    offAir: (channel: string) => ({
      title: `${channel} is off air`,
      text: 'The picture comes by itself when the channel is back.',
    }),
    away: {
      title: 'Waiting for the broadcaster…',
      text: 'The picture goes on by itself when they are back.',
    },
    ended: {
      title: 'The stream has ended',
      text: 'Should the channel begin again, it starts here by itself.',
    },
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
    soundOnly: 'Sound only: there is no picture in the broadcast now.',
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
    away: 'Away',
    offAir: 'Off air',
    details: 'Details',
    quality: 'Quality',
    auto: 'Auto',
    height: (height: number) => `${height}p`,
    enterFullscreen: 'Full screen',
    leaveFullscreen: 'Leave full screen',
    sound: 'Turn on sound',
    enterPicture: 'Picture in picture',
    leavePicture: 'Leave picture in picture',
    help: 'Keys',
  },

  keys: {
    title: 'Keys',
    close: 'Close',
    names: {
      play: 'Play or pause',
      seek: '5 seconds back or forward',
      volume: 'Louder or softer',
      mute: 'Sound on or off',
      fullscreen: 'Full screen',
      picture: 'Picture in picture',
      live: 'Go live',
      help: 'This help',
    },
    space: 'Space',
  },

  share: {
    title: 'Embed this channel',
    frame: 'As a frame, on any page:',
    element: 'As an element, with one script:',
  },

  privacy: {
    title: 'Privacy',
    switch: 'Only from the origin',
    text: 'The video comes from boxes, which people run at home. Each box that your browser asks sees your network address, which channel you watch, and when. It does not see who you are, and gets no cookie.',
    origin:
      'With this switch no box is asked: everything comes from the origin, which sees the same. The choice stays in this browser.',
  },

  panel: {
    title: 'Where the video comes from',
    you: 'You',
    speed: 'Speed',
    dropped: 'Dropped pictures',
    quality: 'Quality',
    lastMinute: (what: string) => `${what}, in the last minute`,
    onlyOrigin: 'Only from the origin, as you chose: no box is asked.',
    boxesNeedHttps:
      'This page came over https, and the boxes have http only, which browsers do not mix: the video comes from the origin.',
    copyReport: 'Copy as text',
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
    picture: 'Picture',
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
    states: { live: 'Live', away: 'Back soon', ended: 'Off air' },
    since: (time: string) => `on air since ${time}`,
    watching: (viewers: string) => (viewers === '1' ? '1 watching' : `${viewers} watching`),
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
    publishWith: 'Or with ffmpeg, KEY being the stream key:',
    boxTitle: 'Run a box',
    boxText:
      'A box takes the video in and passes it on to viewers and to other boxes. One command, at home or on a server:',
    boxNote:
      'It says on its page how it fares, and stops with Ctrl-C. How much it may send: --upload 20mbit.',
    copy: 'Copy',
    copied: 'Copied',
  },

  status: {
    title: 'Status',
    lead: 'The mesh at a glance.',
    loading: 'Asking the tracker…',
    unreachable: 'The tracker does not answer. What is below may be old.',
    channelsTitle: 'Channels',
    boxesTitle: 'Boxes',
    noChannels: 'No channel yet',
    noBoxes: 'No box yet: viewers are served by the origin',
    onAir: (channels: number) =>
      channels === 1 ? '1 channel on air' : `${channels} channels on air`,
    boxCount: (boxes: string) => (boxes === '1' ? '1 box' : `${boxes} boxes`),
    viewers: (viewers: number) => (viewers === 1 ? '1 viewer' : `${viewers} viewers`),
    channels: (channels: number) => (channels === 1 ? '1 channel' : `${channels} channels`),
    heard: (seconds: number) => `heard of ${seconds} s ago`,
    load: (sending: string, upload: string) => `sends ${sending} of ${upload}`,
    picture: 'The mesh, as a picture',
    pictureText: (boxes: string, origins: string) =>
      `${boxes} round ${origins}; lines lead from who gives to who takes.`,
    origins: (origins: number) => (origins === 1 ? '1 origin' : `${origins} origins`),
    more: (boxes: string) => `and ${boxes} more`,
    shares: (boxes: string, origin: string) =>
      `Viewers got ${boxes} from boxes, ${origin} from the origin`,
    noShares: 'No viewer was served yet',
    gave: (viewers: string, boxes: string) => `gave viewers ${viewers}, boxes ${boxes}`,
    refused: (chunks: string) => `${chunks} refused`,
    legendIdle: 'has room',
    legendBusy: 'nearly full',
    legendOut: 'not used for viewers',
    legendOrigin: 'origin',
    legendSeed: 'seed: the origin pushes to it',
    seedOf: (channels: string) => `seed of ${channels}`,
    notListed: (why: string) => `Viewers are not sent here: ${why || 'no reason given'}.`,
  },

  error: {
    titles: {
      400: 'This request cannot be understood',
      403: 'This is not allowed',
      404: 'There is nothing here',
      405: 'This address takes no such request',
      429: 'Too many requests',
      503: 'This takes too long at the moment',
    } as Readonly<Record<number, string>>,
    other: 'Something went wrong',
    said: 'The tracker says:',
    back: 'To the channels',
  },

  language: { name: 'English', other: 'Language' },
};

export type Words = typeof en;
