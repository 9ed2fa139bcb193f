// Command crds keeps the packages in the build whose types the definitions are generated from.
package main

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"

func main() {}
