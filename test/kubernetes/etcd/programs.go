// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package etcd pins the etcd that scripts/kube builds; it shares no module graph with Kubernetes.
package etcd

import _ "go.etcd.io/etcd/server/v3"
