// The sign of each end, as the figures have it, in a square from -1 to 1.
const SHAPES = {
  o: "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z",
  s: "M-.9 -.9H.9V.9H-.9Z",
  "^": "M0 -1.1L1.05 .8H-1.05Z",
  v: "M0 1.1L1.05 -.8H-1.05Z",
  D: "M0 -1.2L1.2 0L0 1.2L-1.2 0Z",
  X: "M-.6 -1.1L0 -.5L.6 -1.1L1.1 -.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0L-1.1 -.6Z",
  P: "M-.4 -1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
};
