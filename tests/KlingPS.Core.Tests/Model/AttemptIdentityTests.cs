using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class AttemptIdentityTests
{
    private static readonly VideoRequest s_request = new() { Prompt = "A fox runs.", ImageUri = "https://images.example/fox.png" };

    [Fact]
    public void The_first_take_is_the_video_that_was_known_before_there_were_takes()
    {
        // From a ledger of the first version: a change here would buy everything again.
        Assert.Equal("28f5e1fa2fcffa1b30e2e5a5d9e68c69e0432131e1e99c25b3bba71c1cc04ece", AttemptIdentity.Of(s_request, "aa", "bb"));
        Assert.Equal(AttemptIdentity.Of(s_request, "aa", "bb"), AttemptIdentity.Of(s_request, "aa", "bb", take: 1));
    }

    [Fact]
    public void Every_difference_makes_another_video()
    {
        string[] identities =
        [
            AttemptIdentity.Of(s_request, null, null),
            AttemptIdentity.Of(s_request, "aa", null),
            AttemptIdentity.Of(s_request, null, "aa"),
            AttemptIdentity.Of(s_request, "aa", null, take: 2),
            AttemptIdentity.Of(s_request, "aa", null, take: 3),
            AttemptIdentity.Of(s_request with { Prompt = "A fox runs. " }, "aa", null),
            AttemptIdentity.Of(s_request with { NegativePrompt = "" }, "aa", null),
            AttemptIdentity.Of(s_request with { NegativePrompt = "2" }, "aa", null),
            AttemptIdentity.Of(s_request with { Duration = 10 }, "aa", null),
            AttemptIdentity.Of(s_request with { CfgScale = 0.6m }, "aa", null),
            AttemptIdentity.Of(s_request with { Model = "kling/v2-1-pro" }, "aa", null),
        ];

        Assert.Equal(identities.Length, identities.Distinct().Count());
    }

    [Fact]
    public void What_is_left_out_is_the_default_and_neither_address_nor_callback_of_a_local_image_counts()
    {
        Assert.Equal(AttemptIdentity.Of(s_request, "aa", null), AttemptIdentity.Of(s_request with { Duration = 5, CfgScale = 0.5m }, "aa", null));
        Assert.Equal(AttemptIdentity.Of(s_request, "aa", null), AttemptIdentity.Of(s_request with { ImageUri = "https://elsewhere.example/", CallbackUri = "https://callback.example/" }, "aa", null));
    }
}
