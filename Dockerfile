# The dictnet binaries with a shell beside them.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=0
RUN go build -trimpath -ldflags='-s -w' -o /bin/dictnet-full ./cmd/dictnet && go build -tags front -trimpath -ldflags='-s -w' -o /bin/dictnet ./cmd/dictnet

FROM debian:12.12-slim
COPY --from=build /bin/dictnet /bin/dictnet-full /usr/local/bin/
ENV DICTNET_HOME=/home/dictnet
ENTRYPOINT ["dictnet"]
