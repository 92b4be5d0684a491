# syntax=docker/dockerfile:1
# One image for API, worker, relay, migrator and witness; the command chooses. Debian rather than Alpine: Temporal's native library is built for glibc.
# Written with care and untried on an engine.

FROM node:20.20-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

FROM base AS build
COPY package.json package-lock.json ./
COPY verifier ./verifier
# No package needs an install script here; see scripts/bootstrap/install-packages.mjs.
RUN --mount=type=cache,target=/root/.npm npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM base AS packages
COPY package.json package-lock.json ./
COPY verifier ./verifier
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM base AS runtime
# Certificates for an identity provider's and a collector's HTTPS.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
COPY --from=packages --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist ./dist
COPY --chown=root:root verifier ./verifier
COPY --chown=root:root package.json LICENSE ./
# What a witness keeps; a volume that is mounted here is given to the same owner.
RUN install --directory --owner=node --group=node /var/lib/exequatur-witness
USER node
EXPOSE 8080
# The young generation of the heap: what a request leaves behind outgrows the default of 16 MB while fifty are under way, and is then copied on.
ENV NODE_OPTIONS=--max-semi-space-size=32
# Each name that is looked up takes a thread until it is answered: with the default of four, four names whose server is silent would keep everybody's requests waiting.
ENV UV_THREADPOOL_SIZE=64
# Node handles SIGTERM itself: each entry point ends in good order.
CMD ["node", "dist/api/server.js"]
