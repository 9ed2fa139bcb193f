// Command pulumi-resource-kubernetes serves the Kubernetes provider of the module in go.mod.
//
// The released command embeds files that its release job generates and that no module archive carries,
// so this one takes the schema and the Terraform mapping from the module's own folder at build time.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
