using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class FailureReasonTests
{
    [Theory]
    [InlineData("Image fetch failed. Check access settings or use our File Upload API instead.", true)]
    [InlineData("failed to download image", true)]
    [InlineData("Unable to access the provided image_url", true)]
    [InlineData("The image URL has expired", true)]
    [InlineData("input file not found (404)", true)]
    [InlineData("audio_url could not be reached", true)]
    [InlineData("Failed to download tail_image_url", true)]
    [InlineData("could not fetch input_urls[0]", true)]
    [InlineData("element_input_urls: 404", true)]
    [InlineData("first_frame_url is not reachable", true)]
    [InlineData("internal error, please try again later", false)]
    [InlineData("The prompt violates the content policy", false)]
    [InlineData("Generation failed", false)]
    [InlineData("timed out", false)]
    [InlineData("The image contains a person", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void The_service_blames_a_file_when_it_says_that_it_could_not_get_it(string? message, bool expected)
        => Assert.Equal(expected, FailureReason.BlamesFiles(message));

    [Theory]
    [InlineData(null, null, "")]
    [InlineData("501", null, " (code 501)")]
    [InlineData("501", " . ", " (code 501)")]
    [InlineData(null, "No faces.", ": No faces")]
    [InlineData("501", "No faces.", ": No faces (code 501)")]
    [InlineData("422", "The service answered the request with code 422: no faces.", ": The service answered the request with code 422: no faces")]
    [InlineData("42", "The service answered the request with code 422.", ": The service answered the request with code 422 (code 42)")]
    [InlineData("E.1", "code EX1", ": code EX1 (code E.1)")]
    public void A_reason_names_its_code_once(string? code, string? message, string expected)
        => Assert.Equal(expected, FailureReason.Describe(code, message));
}
