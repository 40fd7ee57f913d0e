# The dictnet binary with a shell beside it.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /dictnet ./cmd/dictnet

FROM debian:12.12-slim
COPY --from=build /dictnet /usr/local/bin/dictnet
ENV DICTNET_HOME=/home/dictnet
ENTRYPOINT ["dictnet"]
