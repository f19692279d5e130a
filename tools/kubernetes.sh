#!/usr/bin/env bash
# Builds the Kubernetes that "make test-kubernetes" runs, from its Go modules into
# .tools/kubernetes, unless it is there: etcd, the API server, the controller
# manager, the scheduler, and kwok, which plays nodes.
set -euo pipefail
cd "$(dirname "$0")/.."

kwok=v0.8.0
modules=deploy/kubetest/controlplane
version=$(sed -n 's/^require k8s.io\/kubernetes //p' $modules/go.mod)
built="$(cat $modules/go.mod $modules/go.sum "$0" | git hash-object --stdin)"
folder=$PWD/.tools/kubernetes
[ "$(cat "$folder/built" 2>/dev/null || true)" != "$built" ] || exit 0

echo "Building Kubernetes $version into .tools/kubernetes (the first time takes ten minutes and longer) ..."
mkdir -p "$folder"
export CGO_ENABLED=0
minor=${version#v1.}
about="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
go build -C $modules -trimpath -ldflags "-s -w" -o "$folder/etcd" go.etcd.io/etcd/server/v3
go build -C $modules -trimpath -ldflags "-s -w $about" -o "$folder/" \
  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler
GOBIN=$folder go install -trimpath -ldflags "-s -w" sigs.k8s.io/kwok/cmd/kwok@$kwok
echo "$built" >"$folder/built"
