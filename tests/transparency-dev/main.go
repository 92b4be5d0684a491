// Reads a cosigned checkpoint from standard input as the tools of transparency-dev do: note.Open with the log's key and the witness's, then their checkpoint parser.
// Arguments: the origin, the log's verifier key, the witness's. Prints the size, and who signed.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := open(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func open(origin, logKey, witnessKey string) error {
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	ofLog, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	ofWitness, err := cosignature.NewVerifierForCosignatureV1(witnessKey)
	if err != nil {
		return err
	}
	checkpoint, _, opened, err := log.ParseCheckpoint(bytes, origin, ofLog, ofWitness)
	if err != nil {
		return err
	}
	fmt.Println(checkpoint.Size)
	for _, signature := range opened.Sigs {
		fmt.Println(signature.Name)
	}
	return nil
}
