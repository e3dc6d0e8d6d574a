// Every method of node-sd-webui against the server whose address is the first argument.
"use strict";

const connect = require("node-sd-webui").default;
const attempts = require("./attempts.cjs");

const client = connect({ apiUrl: process.argv[2] });
const SMALL = { width: 64, height: 64, steps: 4, seed: 7, samplingMethod: "Euler a", batchSize: 1 };
const HIRES = { steps: 2, denoisingStrength: 0.6, upscaler: "Latent", upscaleBy: 2 };
let drawn;

attempts({
  txt2img: async () => {
    drawn = await client.txt2img({ ...SMALL, prompt: "a red circle", negativePrompt: "blur" });
    return { images: drawn.images, seed: JSON.parse(drawn.info).seed };
  },
  hires: async () => (await client.txt2img({ ...SMALL, prompt: "a red circle", hires: HIRES })).images,
  img2img: async () => (await client.img2img({ ...SMALL, prompt: "a circle", imageData: drawn.images })).images,
  pngInfo: () => client.pngInfo({ imageData: drawn.images[0] }),
  refused: () => client.txt2img({ ...SMALL, prompt: "x", samplingMethod: "nobody" }),
  controlNet: () => client.txt2img({ ...SMALL, prompt: "x", extensions: { controlNet: [{}] } }),
});
