using KlingPS.Core.Api;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Tests;

public sealed class ErrorCatalogTests
{
    [Fact]
    public void Every_kind_has_a_row()
        => Assert.All(Enum.GetValues<ErrorKind>(), kind =>
        {
            ErrorTraitsAttribute row = ErrorCatalog.Get(kind);
            Assert.NotEmpty(row.Category);
            Assert.EndsWith(".", row.Advice, StringComparison.Ordinal);
        });

    [Fact]
    public void Nobody_whose_ledger_cannot_be_used_is_sent_to_an_empty_one_which_would_buy_everything_again()
    {
        string advice = ErrorCatalog.Get(ErrorKind.LedgerUnusable).Advice;

        Assert.DoesNotContain("name another one", advice, StringComparison.Ordinal);
        Assert.Contains("Put no empty one in its place: it does not know what was bought, and all of that would be bought again.", advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ErrorKind.ApiKeyMissing, true)]
    [InlineData(ErrorKind.Unauthorized, true)]
    [InlineData(ErrorKind.CreditsInsufficient, true)]
    [InlineData(ErrorKind.KeyCapReached, true)]
    [InlineData(ErrorKind.FeatureDisabled, true)]
    [InlineData(ErrorKind.LedgerUnusable, true)]
    [InlineData(ErrorKind.RequestInvalid, false)]
    [InlineData(ErrorKind.AttemptUnknown, false)]
    [InlineData(ErrorKind.ImageUnsupported, false)]
    [InlineData(ErrorKind.BudgetExceeded, false)]
    [InlineData(ErrorKind.ServiceUnavailable, false)]
    public void An_error_that_every_item_would_meet_ends_the_batch(ErrorKind kind, bool isFatal)
        => Assert.Equal(isFatal, new KlingException(kind, "It happened.").IsFatal);

    [Theory]
    [InlineData(true, 503, true)]
    [InlineData(true, null, true)]
    [InlineData(false, 299, false)]
    [InlineData(false, 300, true)]
    [InlineData(false, 307, true)]
    [InlineData(false, 399, true)]
    [InlineData(false, 400, false)]
    [InlineData(false, null, false)]
    [InlineData(false, 500, false)]
    public void A_service_that_is_down_ends_the_batch_and_one_that_turns_down_a_request_does_not(bool isTransient, int? code, bool isFatal)
        => Assert.Equal(isFatal, new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.Answered, "It happened.") { IsTransient = isTransient, Code = code }.IsFatal);

    [Theory]
    [InlineData(ErrorKind.RateLimited, TransportFault.Answered, 10)]
    [InlineData(ErrorKind.RateLimited, TransportFault.NotSent, 10)]
    [InlineData(ErrorKind.ServiceUnavailable, TransportFault.NotSent, 0.5)]
    [InlineData(ErrorKind.ServiceUnavailable, TransportFault.Answered, 2)]
    [InlineData(ErrorKind.ServiceUnavailable, TransportFault.AnswerUnknown, 2)]
    public void The_first_pause_is_a_window_of_the_service_s_limit_or_short_where_it_was_not_reached(ErrorKind kind, TransportFault fault, double seconds)
    {
        var error = new KlingApiException(kind, fault, "It happened.") { IsTransient = true, RetryAfter = TimeSpan.FromSeconds(3) };

        Retry retry = error.ToRetry(Backoff.Unavailable)!;

        Assert.Equal(
            (error, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(3)),
            (retry.Error, retry.Backoff!.BaseDelay, retry.After!.Value));
    }

    [Fact]
    public void What_would_fail_again_is_not_sent_again()
        => Assert.Null(new KlingApiException(ErrorKind.RateLimited, TransportFault.NotSent, "It happened.").ToRetry(Backoff.Unavailable));

    [Fact]
    public void The_id_of_an_error_is_its_kind_behind_the_name_of_the_module()
        => Assert.Equal("KlingBudgetExceeded", ErrorCatalog.IdOf(ErrorKind.BudgetExceeded));

    [Fact]
    public void A_local_error_with_another_message_is_still_the_same_error()
    {
        var error = new KlingException(ErrorKind.LedgerUnusable, "It happened.");

        KlingException other = error.WithMessage("It happened to 3 images.");

        Assert.Equal((ErrorKind.LedgerUnusable, "It happened to 3 images.", error), (other.Kind, other.Message, other.InnerException));
    }

    [Fact]
    public void An_error_with_another_message_is_still_the_same_error()
    {
        var error = new KlingApiException(ErrorKind.CreditsInsufficient, TransportFault.Answered, "It happened.")
        {
            Code = 402,
            ServiceMessage = "Credits insufficient",
            IsTransient = true,
            RetryAfter = TimeSpan.FromSeconds(3),
        };

        KlingApiException other = Assert.IsType<KlingApiException>(((KlingException)error).WithMessage("It happened to 3 images."));

        Assert.Equal("It happened to 3 images.", other.Message);
        Assert.Same(error, other.InnerException);
        Assert.Equal(
            (error.Kind, error.Fault, error.Code, error.ServiceMessage, error.IsTransient, error.RetryAfter),
            (other.Kind, other.Fault, other.Code, other.ServiceMessage, other.IsTransient, other.RetryAfter));
    }
}
