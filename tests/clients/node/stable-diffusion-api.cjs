// Every method of stable-diffusion-api against the server whose address is the first argument. A second and a
// third are a user and a password.
"use strict";

const sharp = require("sharp");
const { StableDiffusionApi } = require("stable-diffusion-api");
const attempts = require("./attempts.cjs");

const [baseUrl, user, password] = process.argv.slice(2);
const api = new StableDiffusionApi({ baseUrl });
if (user) api.setAuth(user, password);

const SMALL = { width: 64, height: 64, steps: 4, seed: 7 };
const red = sharp({ create: { width: 64, height: 64, channels: 3, background: "#c81e1e" } }).png();
const lists = ["Samplers", "Upscalers", "SdModels", "Hypernetworks", "FaceRestorers", "RealesrganModels", "PromptStyles"];

async function sizes(result) {
  const found = await Promise.all(result.images.map((image) => image.metadata()));
  return found.map((data) => [data.width, data.height]);
}

attempts({
  txt2img: async () => {
    const drawn = await api.txt2img({ ...SMALL, prompt: "a red circle", batch_size: 2 });
    return { sizes: await sizes(drawn), seeds: JSON.parse(drawn.info).all_seeds, sampler: drawn.parameters.sampler_name };
  },
  img2img: async () => sizes(await api.img2img({ ...SMALL, prompt: "a circle", init_images: [red] })),
  extraSingle: async () => {
    const found = await api.extraSingle({ image: red, upscaler_1: "Lanczos", upscaling_resize: 2 });
    return { sizes: await sizes(found), info: found.info };
  },
  extraBatch: () => api.extraBatch({ images: [red], name_list: ["red"], upscaler_1: "Lanczos" }),
  pngInfo: async () => (await api.pngInfo(red)).info,
  interrogate: () => api.interrogate(red, "clip"),
  refused: () => api.txt2img({ ...SMALL, prompt: "x", sampler_name: "nobody" }),
  ...Object.fromEntries(lists.map((name) => [name, () => api[`get${name}`]()])),
  models: () => api.ControlNet.getModels(),
  modules: () => api.ControlNet.getModules(),
  detect: async () => sizes(await api.ControlNet.detect({ controlnet_input_images: [red] })),
  options: async () => {
    const options = await api.getOptions();
    const answer = await api.setOptions(options);
    return [answer, JSON.stringify(await api.getOptions()) === JSON.stringify(options)];
  },
  flags: async () => (await api.getCmdFlags()).api,
  progress: () => api.getProgress(true),
  refresh: () => api.refreshCheckpoints(),
  model: () => api.getCurrentModel(),
  setModel: () => api.setModel("fake"),
  ready: () => api.waitForReady(0.1),
});
