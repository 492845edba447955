using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class RunResultsTests
{
    [Theory]
    [InlineData(RunOutcome.AllThere, RunItemResult.Made, RunItemResult.Downloaded, RunItemResult.Present, RunItemResult.Taken)]
    [InlineData(RunOutcome.Partly, RunItemResult.Made, RunItemResult.Failed)]
    [InlineData(RunOutcome.Partly, RunItemResult.Made, RunItemResult.Pending)]
    [InlineData(RunOutcome.Partly, RunItemResult.Refused)]
    [InlineData(RunOutcome.LimitReached, RunItemResult.Failed, RunItemResult.OverLimit, RunItemResult.Refused)]
    [InlineData(RunOutcome.NeedsPerson, RunItemResult.OverLimit, RunItemResult.Unknown, RunItemResult.Made)]
    [InlineData(RunOutcome.NothingToDo)]
    internal void A_run_that_has_done_all_it_could_ends_by_its_gravest_item(RunOutcome outcome, params RunItemResult[] results)
        => Assert.Equal(outcome, RunResults.Decide(Items(results), RunEnding.Complete, error: null));

    [Theory]
    [InlineData(ErrorKind.CreditsInsufficient, RunOutcome.NeedsPerson)]
    [InlineData(ErrorKind.Unauthorized, RunOutcome.NeedsPerson)]
    [InlineData(ErrorKind.LedgerUnusable, RunOutcome.NeedsPerson)]
    [InlineData(ErrorKind.ServiceUnavailable, RunOutcome.Partly)]
    public void An_error_that_ends_a_run_half_way_needs_a_person_or_only_time(ErrorKind error, RunOutcome outcome)
        => Assert.Equal(outcome, RunResults.Decide(Items(RunItemResult.Made, RunItemResult.Failed), RunEnding.Error, error));

    [Theory]
    [InlineData(ErrorKind.CreditsInsufficient)]
    [InlineData(ErrorKind.ServiceUnavailable)]
    [InlineData(ErrorKind.DestinationUnusable)]
    public void A_run_that_an_error_ends_before_anything_is_done_could_not_begin(ErrorKind error)
    {
        Assert.Equal(RunOutcome.CouldNotBegin, RunResults.Decide([], RunEnding.Error, error));
        Assert.Equal(RunOutcome.CouldNotBegin, RunResults.Decide(Items(RunItemResult.Failed, RunItemResult.Refused, RunItemResult.Pending), RunEnding.Error, error));
    }

    [Fact]
    public void A_task_that_is_paid_for_is_a_beginning()
        => Assert.Equal(RunOutcome.NeedsPerson, RunResults.Decide([new RunItem { What = RunItemResult.Pending, Id = 7 }], RunEnding.Error, ErrorKind.Unauthorized));

    [Fact]
    public void Who_stops_a_run_has_stopped_it_whatever_was_done()
        => Assert.Equal(RunOutcome.Stopped, RunResults.Decide(Items(RunItemResult.Made, RunItemResult.Unknown), RunEnding.Stopped, error: null));

    [Theory]
    [InlineData(ErrorKind.FileExists, false, RunItemResult.Refused)]
    [InlineData(ErrorKind.FileExists, true, RunItemResult.Failed)]
    [InlineData(ErrorKind.DestinationUnusable, true, RunItemResult.Failed)]
    [InlineData(ErrorKind.WaitTimeout, false, RunItemResult.Pending)]
    [InlineData(ErrorKind.WaitTimeout, true, RunItemResult.Pending)]
    [InlineData(ErrorKind.DownloadIncomplete, true, RunItemResult.Failed)]
    [InlineData(ErrorKind.AttemptUnknown, false, RunItemResult.Unknown)]
    [InlineData(ErrorKind.BudgetExceeded, false, RunItemResult.OverLimit)]
    [InlineData(ErrorKind.ServiceUnavailable, false, RunItemResult.Failed)]
    internal void An_error_says_what_was_done(ErrorKind kind, bool isPaid, RunItemResult result) => Assert.Equal(result, RunResults.Of(kind, isPaid));

    [Fact]
    public void What_is_not_known_to_be_bought_is_not_counted_as_spent()
    {
        RunTotals totals = RunTotals.Of(
        [
            new RunItem { What = RunItemResult.Made, CreditsConsumed = 42 },
            new RunItem { What = RunItemResult.Pending, CreditsReserved = 84 },
            new RunItem { What = RunItemResult.Unknown, CreditsReserved = 21 },
        ]);

        Assert.Equal((126m, 42m, 84m, 21m, 3), (totals.Credits, totals.CreditsConsumed, totals.CreditsReserved, totals.CreditsUnknown, totals.Inputs));
    }

    private static RunItem[] Items(params RunItemResult[] results) => [.. results.Select(result => new RunItem { What = result })];
}
