// What the tools of transparency-dev make of a log of ours, with their own code throughout.
//
//	open ORIGIN LOG-KEY WITNESS-KEY < checkpoint
//	follow URL TOKEN ORIGIN LOG-KEY WITNESS-KEY < older checkpoint
//
// open reads a cosigned checkpoint. follow is a client of a tlog-tiles log that has kept an older checkpoint: it takes the newest if the witness cosigned it and the older
// one is its beginning, proves of each entry that it is under it, and compares every tile with the entries. Both print what was signed and by whom, as JSON; 1 is the exit
// code for whatever does not hold.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

type found struct {
	Size     uint64   `json:"size"`
	Signers  []string `json:"signers"`
	From     uint64   `json:"from,omitempty"`
	Included uint64   `json:"included,omitempty"`
}

func main() {
	answer, err := run(os.Args[1], os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command string, args []string) (found, error) {
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		return found{}, err
	}
	if command == "open" {
		keys, err := readKeys(args[0], args[1], args[2])
		if err != nil {
			return found{}, err
		}
		checkpoint, signers, err := keys.open(stdin)
		if err != nil {
			return found{}, err
		}
		return found{Size: checkpoint.Size, Signers: signers}, nil
	}
	keys, err := readKeys(args[2], args[3], args[4])
	if err != nil {
		return found{}, err
	}
	return follow(context.Background(), args[0], args[1], keys, stdin)
}

type keys struct {
	origin       string
	log, witness note.Verifier
}

func readKeys(origin, logKey, witnessKey string) (keys, error) {
	ofLog, err := note.NewVerifier(logKey)
	if err != nil {
		return keys{}, err
	}
	ofWitness, err := cosignature.NewVerifierForCosignatureV1(witnessKey)
	return keys{origin, ofLog, ofWitness}, err
}

// open demands both signatures.
func (k keys) open(raw []byte) (*log.Checkpoint, []string, error) {
	checkpoint, _, opened, err := log.ParseCheckpoint(raw, k.origin, k.log, k.witness)
	if err != nil {
		return nil, nil, err
	}
	var signers []string
	isCosigned := false
	for _, signature := range opened.Sigs {
		signers = append(signers, signature.Name)
		isCosigned = isCosigned || signature.Name == k.witness.Name()
	}
	if !isCosigned {
		return nil, nil, fmt.Errorf("the witness has not cosigned the checkpoint over %d entries", checkpoint.Size)
	}
	return checkpoint, signers, nil
}

func follow(ctx context.Context, address, token string, k keys, older []byte) (found, error) {
	root, err := url.Parse(address)
	if err != nil {
		return found{}, err
	}
	fetcher, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		return found{}, err
	}
	fetcher.SetAuthorizationHeader("Bearer " + token)
	var signers []string
	cosigned := func(ctx context.Context, _ note.Verifier, _ string) (*log.Checkpoint, []byte, *note.Note, error) {
		raw, err := fetcher.ReadCheckpoint(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		checkpoint, names, err := k.open(raw)
		signers = names
		return checkpoint, raw, nil, err
	}
	tracker, err := client.NewLogStateTracker(ctx, fetcher.ReadTile, older, k.log, k.origin, cosigned)
	if err != nil {
		return found{}, err
	}
	from := tracker.Latest().Size
	if _, _, _, err := tracker.Update(ctx); err != nil {
		return found{}, err
	}
	latest := tracker.Latest()
	included, err := includeAll(ctx, fetcher, latest)
	if err != nil {
		return found{}, err
	}
	if err := fsck.New(k.origin, k.log, fetcher, leafHashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
		return found{}, err
	}
	return found{Size: latest.Size, Signers: signers, From: from, Included: included}, nil
}

// includeAll proves of every entry that it is under the checkpoint, by proofs that are made of tiles.
func includeAll(ctx context.Context, fetcher *client.HTTPFetcher, checkpoint log.Checkpoint) (uint64, error) {
	builder, err := client.NewProofBuilder(ctx, checkpoint.Size, fetcher.ReadTile)
	if err != nil {
		return 0, err
	}
	index := uint64(0)
	for index < checkpoint.Size {
		bundle, err := client.GetEntryBundle(ctx, fetcher.ReadEntryBundle, index/layout.EntryBundleWidth, checkpoint.Size)
		if err != nil {
			return 0, err
		}
		for _, entry := range bundle.Entries {
			path, err := builder.InclusionProof(ctx, index)
			if err != nil {
				return 0, err
			}
			leaf := rfc6962.DefaultHasher.HashLeaf(entry)
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, leaf, path, checkpoint.Hash); err != nil {
				return 0, fmt.Errorf("entry %d: %w", index+1, err)
			}
			index++
		}
	}
	return index, nil
}

func leafHashes(raw []byte) ([][]byte, error) {
	bundle := api.EntryBundle{}
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
