// Command sdk writes the SDKs that programs in TypeScript and in Go know a component by, as `pulumi package add` does.
//
// Pulumi has its generators in the language hosts, which are modules of their own; what they call is in the engine's.
//
//	sdk <schema.json> <folder>
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// others loads the packages that a schema refers to: this component's refers to none.
type others struct{ schema.ReferenceLoader }

func main() {
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func generate(file, folder string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	languages := map[string]func(*schema.Package) (map[string][]byte, error){
		"nodejs": func(bound *schema.Package) (map[string][]byte, error) {
			return nodejs.GeneratePackage("pulumi-language-nodejs", bound, nil, nil, true, others{})
		},
		"go": func(bound *schema.Package) (map[string][]byte, error) {
			return golang.GeneratePackage("pulumi-language-go", bound, nil)
		},
	}
	for language, generated := range languages {
		// Each language changes what it is given.
		bound, err := bind(text)
		if err != nil {
			return err
		}
		files, err := generated(bound)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(folder, language), files); err != nil {
			return err
		}
	}
	return nil
}

func bind(text []byte) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	bound, problems, err := schema.BindSpec(spec, others{}, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if problems.HasErrors() {
		return nil, problems
	}
	// `pulumi package add` asks for it, whatever the schema says: only then does an SDK in Go have a go.mod.
	bound.SupportPack = true
	return bound, nil
}

func write(folder string, files map[string][]byte) error {
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
