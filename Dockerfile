# CPU image: `docker build -t ct-xai-bench .`, then
# `docker run --rm -v "$PWD:/study" ct-xai-bench run /study/suite.yaml --out /study/out`.
FROM node:20-bookworm-slim AS build
WORKDIR /app
# Without the download of CUDA libraries, which nothing here needs.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@tensorflow/tfjs-node-gpu

# GPU variant, never run until somebody has a card: build with
# `--build-arg BASE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04`, install Node 20 there and ONNX Runtime's CUDA
# libraries (`npm rebuild onnxruntime-node` without ONNXRUNTIME_NODE_INSTALL), and check with `ct-xai doctor`.
ARG BASE=node:20-bookworm-slim
FROM ${BASE}
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY configs configs
COPY models models
RUN ln -s /app/dist/cli/main.js /usr/local/bin/ct-xai && chmod +x dist/cli/main.js
# Not root; the Kubernetes examples run as this user.
USER 1000
ENV CT_XAI_CACHE=/tmp/ct-xai-cache
WORKDIR /study
ENTRYPOINT ["ct-xai"]
CMD ["--help"]
