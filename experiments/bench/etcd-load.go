// A closed loop on etcd's own client: CLIENTS goroutines share one connection, as the client's documentation advises.
// Prints one JSON object.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

type result struct {
	latencies []time.Duration
	errors    int
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func client(etcd *clientv3.Client, seed int64, op, value string, keys int, end time.Time) result {
	random := rand.New(rand.NewSource(seed))
	var mine result
	for time.Now().Before(end) {
		key := fmt.Sprintf("bench-%d", random.Intn(keys))
		var err error
		sentAt := time.Now()
		switch op {
		case "put":
			_, err = etcd.Put(context.Background(), key, value)
		case "local":
			_, err = etcd.Get(context.Background(), key, clientv3.WithSerializable())
		case "linearizable":
			_, err = etcd.Get(context.Background(), key)
		}
		if err != nil {
			mine.errors++
			continue
		}
		mine.latencies = append(mine.latencies, time.Since(sentAt))
	}
	return mine
}

func main() {
	endpoint := flag.String("endpoint", "", "host:port")
	clients := flag.Int("clients", 1, "goroutines")
	seconds := flag.Float64("seconds", 5, "how long")
	op := flag.String("op", "put", "put, local or linearizable")
	valueBytes := flag.Int("value-bytes", 64, "size of each value")
	keys := flag.Int("keys", 10000, "how many keys")
	flag.Parse()

	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: 5 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	value := strings.Repeat("v", *valueBytes)
	results := make([]result, *clients)
	var all sync.WaitGroup
	begin, cpu := time.Now(), cpuSeconds()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	for number := range results {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			results[number] = client(etcd, int64(number), *op, value, *keys, end)
		}(number)
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	cpu = cpuSeconds() - cpu

	var latencies []time.Duration
	errors := 0
	for _, each := range results {
		latencies = append(latencies, each.latencies...)
		errors += each.errors
	}
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	percentile := func(share float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return float64(latencies[int(share*float64(len(latencies)-1))].Nanoseconds()) / 1e6
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"operations": len(latencies),
		"seconds":    took,
		"errors":     errors,
		"p50Ms":      percentile(0.5),
		"p99Ms":      percentile(0.99),
		"cpuSeconds": cpu,
	})
}
