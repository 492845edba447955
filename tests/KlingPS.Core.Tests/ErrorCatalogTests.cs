using KlingPS.Core.Api;

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
    public void An_error_that_every_item_would_meet_ends_the_batch(ErrorKind kind, bool isFatal)
        => Assert.Equal(isFatal, new KlingException(kind, "It happened.").IsFatal);

    [Theory]
    [InlineData(true, 503, true)]
    [InlineData(true, null, true)]
    [InlineData(false, 307, true)]
    [InlineData(false, 500, false)]
    public void A_service_that_is_down_ends_the_batch_and_one_that_turns_down_a_request_does_not(bool isTransient, int? code, bool isFatal)
        => Assert.Equal(isFatal, new KlingApiException(ErrorKind.ServiceUnavailable, TransportFault.Answered, "It happened.") { IsTransient = isTransient, Code = code }.IsFatal);

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
