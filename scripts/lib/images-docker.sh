# shellcheck shell=bash disable=SC2034,SC2154 # its variables are those of scripts/images
# SPDX-License-Identifier: Apache-2.0
# Images with docker, from the ordinary debian:trixie-slim. A part of scripts/images; the functions are
# as those of images-buildah.sh.

_docker_base=debian:trixie-slim

docker_works() {
    command -v docker >/dev/null && timeout 10 docker buildx version >/dev/null 2>&1 &&
        timeout 10 docker info >/dev/null 2>&1
}

docker_has_base() {
    if [[ -z $fresh ]] && docker image inspect "$_docker_base" >/dev/null 2>&1; then
        return 0
    fi
    docker pull --quiet "$_docker_base" >/dev/null 2>&1
}

docker_base() {
    docker_works || die "docker's engine, or its buildx, does not answer"
    packages_need "to unpack images" python3 || die "packages are missing"
    docker_has_base || die "cannot pull $_docker_base"
    base_id=$(docker image inspect --format '{{.Id}}' "$_docker_base")
    epoch=${SOURCE_DATE_EPOCH:-$(date -d "$(docker image inspect --format '{{.Created}}' "$_docker_base")" +%s)}
}

docker_build() {
    local file=$1 name=$2 tar=$3
    shift 3
    docker buildx build --build-arg "SOURCE_DATE_EPOCH=$epoch" --provenance=false ${fresh:+--no-cache} \
        ${no_cache:+--no-cache} "$@" \
        --output "type=docker,dest=$tar,name=$name,rewrite-timestamp=true" --file "$file" "$root" &&
        docker load --quiet --input "$tar"
}

docker_clean() {
    docker_works || return 0
    local name
    for name in "${names[@]}"; do
        docker image rm --force "localhost/$name:$version" >/dev/null 2>&1 || true
    done
}
