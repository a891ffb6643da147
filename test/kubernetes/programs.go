// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package kubernetes pins what scripts/kube builds: go.mod has the version, and the staging
// modules that k8s.io/kubernetes itself replaces. For another version:
//
//	sed -i 's/v1\.36\.3/v1.X.Y/; s/v0\.36\.3/v0.X.Y/' go.mod && go mod tidy
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
_ "k8s.io/kubernetes/cmd/kube-scheduler"
_ "k8s.io/kubernetes/cmd/kubectl"
_ "k8s.io/kubernetes/cmd/kubelet"
)
