namespace KlingPS.Torture;

/// <summary>Kills processes that buy videos, runs them again until they are done, and compares the sandbox's bill with the ledger.</summary>
internal static class KillTorture
{
    /// <summary>Runs rounds until there have been enough kill points.</summary>
    public static async Task<TortureReport> RunAsync(TortureOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var total = new TortureReport();
        int lastRound = -1;
        int killed = 0;
        var gate = new Lock();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var served = new SemaphoreSlim(1);
        Task<int> disturbing = DisturbAsync(options, served, end.Token);
        await Task.WhenAll(Enumerable.Range(0, options.Workers).Select(_ => WorkAsync()));
        await end.CancelAsync();
        return total with { Disturbances = await disturbing };

        async Task WorkAsync()
        {
            while (NextRound() is int number)
            {
                await using var round = new TortureRound(options, number, () => Interlocked.Increment(ref killed), served);
                TortureReport report = await round.RunAsync(cancellationToken);
                lock (gate)
                {
                    total += report;
                    options.Progress?.Invoke($"round {number}: {report.Points} points, {total.Points} in all{string.Concat(report.Problems.Select(problem => "\n" + problem))}");
                }
            }
        }

        int? NextRound()
        {
            lock (gate)
            {
                return Volatile.Read(ref killed) < options.Points ? ++lastRound : null;
            }
        }
    }

    /// <summary>Takes the server away at random, for all rounds at once, and gives it back each time.</summary>
    private static async Task<int> DisturbAsync(TortureOptions options, SemaphoreSlim served, CancellationToken cancellationToken)
    {
        int count = 0;
        var random = new Random(options.Seed);
        while (options.Server is not null)
        {
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(random.Next(2, 8)), cancellationToken);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            await served.WaitAsync(CancellationToken.None);
            try
            {
                await options.Server.DisturbAsync(random, CancellationToken.None);
                count++;
            }
            finally
            {
                served.Release();
            }
        }

        return count;
    }
}
