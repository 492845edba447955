using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Api;

namespace KlingPS.Core.Tests.Sessions;

/// <summary>A ledger that a process keeps locked which is stopped or hangs.</summary>
public sealed class LedgerOpeningTests : IDisposable
{
    private const string Location = "/data/ledger.db";

    private readonly TestClock _clock = new();
    private readonly RecordingObserver _observer = new();
    private readonly TaskCompletionSource _free = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();

    public void Dispose() => _stop.Dispose();

    [Fact]
    public async Task Nothing_is_said_of_a_ledger_that_is_free()
    {
        _free.SetResult();

        await OpenAsync(limit: null);

        Assert.Empty(_observer.Warnings);
    }

    [Fact]
    public async Task After_five_seconds_the_user_is_told_whom_the_command_waits_for()
    {
        Task opening = OpenAsync(limit: null);
        await _clock.PassAsync(TimeSpan.FromSeconds(4.9));
        Assert.Empty(_observer.Warnings);

        await _clock.PassAsync(TimeSpan.FromSeconds(0.2));

        await Eventually.TrueAsync(() => _observer.Warnings.Count == 1, "a warning");
        Assert.Contains($"The ledger '{Location}' is not open after 5 seconds", _observer.Warnings.Single(), StringComparison.Ordinal);
        Assert.False(opening.IsCompleted);
        _free.SetResult();
        await Eventually.DoneAsync(opening);
    }

    [Fact]
    public async Task The_timeout_of_the_command_ends_the_wait()
    {
        Task opening = OpenAsync(TimeSpan.FromSeconds(3));
        await _clock.PassAsync(TimeSpan.FromSeconds(2.5));
        Assert.False(opening.IsCompleted);

        _clock.Advance(TimeSpan.FromSeconds(0.5));

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => Eventually.DoneAsync(opening));

        Assert.Equal(ErrorKind.WaitTimeout, error.Kind);
        Assert.Equal($"The ledger '{Location}' could not be opened within 3 seconds, most likely because another process keeps it locked. Nothing was sent or bought.", error.Message);
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_opened_says_why_however_late()
    {
        Task opening = OpenAsync(TimeSpan.FromSeconds(100));
        await _clock.PassAsync(TimeSpan.FromSeconds(10));

        _free.SetException(new KlingException(ErrorKind.LedgerUnusable, "The disk is full."));

        Assert.Equal(ErrorKind.LedgerUnusable, (await Assert.ThrowsAsync<KlingException>(() => Eventually.DoneAsync(opening))).Kind);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_wait()
    {
        Task opening = OpenAsync(limit: null);

        await _stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.DoneAsync(opening));
    }

    private Task OpenAsync(TimeSpan? limit)
        => LedgerOpening.OpenAsync(_ => _free.Task, Location, limit, _observer, _clock, _stop.Token);
}
