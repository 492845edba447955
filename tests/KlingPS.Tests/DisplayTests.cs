using System.Globalization;
using System.Management.Automation;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Display;
using KlingPS.Text;

namespace KlingPS.Tests;

public sealed class DisplayTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(59.9, "59s")]
    [InlineData(60, "1m")]
    [InlineData(3599, "59m")]
    [InlineData(3600, "1h")]
    [InlineData(86_399, "23h")]
    [InlineData(86_400, "1d")]
    [InlineData(8_640_000, "100d")]
    [InlineData(-5, "0s")]
    public void The_age_of_a_task_is_in_its_largest_unit(double seconds, string expected)
        => Assert.Equal(expected, TaskDisplay.Age(new PSObject(new KlingVideoTask { CreatedAt = s_now.AddSeconds(-seconds) }), s_now));

    [Fact]
    public void An_unknown_price_is_not_shown_as_none()
    {
        var submission = new Submission { Spec = new VideoSpec { Prompt = "It moves." } };

        Assert.Equal("Buy a video of 5 seconds for 42 credits", SubmissionText.DescribePurchase(submission));
        Assert.Equal(
            "Buy a video of 5 seconds at a price that is not known here",
            SubmissionText.DescribePurchase(submission with { Spec = submission.Spec with { Model = "kling/of-next-year" } }));
    }

    [Fact]
    public void A_task_that_was_written_to_a_file_and_read_again_shows_the_same()
    {
        var task = new KlingVideoTask
        {
            Id = 7,
            TaskState = KlingTaskState.Unknown,
            Spec = new VideoSpec { Prompt = "It moves.", Image = MediaSource.FromFile("C:\\photos\\boat.webp") },
            CreatedAt = s_now.AddMinutes(-5),
            CreditsReserved = 42,
            FailMessage = "The answer was lost.",
        };

        var copy = (PSObject)PSSerializer.Deserialize(PSSerializer.Serialize(task));

        Assert.Contains("Deserialized.KlingPS.Core.Model.KlingVideoTask", copy.TypeNames);
        foreach (PSObject shown in new[] { new PSObject(task), copy })
        {
            Assert.Equal("5m", TaskDisplay.Age(shown, s_now));
            Assert.Equal("\u001b[33mUnknown\u001b[0m", TaskDisplay.State(shown));
            Assert.Equal("boat.webp", TaskDisplay.Source(shown));
            Assert.Equal("(42)", TaskDisplay.Credits(shown));
            Assert.Equal("The answer was lost.", TaskDisplay.Result(shown));
        }
    }

    [Fact]
    public void Every_state_has_a_colour_and_ends_it()
        => Assert.All(
            Enum.GetValues<KlingTaskState>(),
            state => Assert.Matches($"^\u001b\\[\\d\\dm{state}\u001b\\[0m$", TaskDisplay.State(new PSObject(new KlingVideoTask { TaskState = state }))));

    [Fact]
    public void Tasks_are_told_apart_and_sorted_by_their_number()
    {
        var first = new KlingVideoTask { Id = 1 };
        var second = new KlingVideoTask { Id = 2 };

        Assert.True(first.CompareTo(second) < 0);
        Assert.True(second.CompareTo(first) > 0);
        Assert.Equal(0, first.CompareTo(first with { TaskState = KlingTaskState.Failed }));
        Assert.True(first.CompareTo(null) > 0);
        Assert.Throws<ArgumentException>(() => first.CompareTo("1"));
    }

    [Fact]
    public void Objects_say_in_a_text_what_they_are()
    {
        var image = new ImageReport { Path = "boat.webp", ImageFormat = ImageFormat.WebP, Length = 6150, Width = 640, Height = 360, Problems = [], Warnings = [] };

        Assert.Equal("9b1f", new KlingVideoTask { TaskId = "9b1f" }.ToString());
        Assert.Equal("https://api.kie.ai/ (parameter -ApiKey)", new KlingAccount { Endpoint = new("https://api.kie.ai"), UploadEndpoint = new("https://upload.example"), KeySource = "parameter -ApiKey", Fingerprint = "f" }.ToString());
        Assert.Equal("https://upload.example/a.png", new KlingUpload { SourcePath = "/a.png", ImageUri = "https://upload.example/a.png", Hash = "h", Length = 1, UploadedAt = s_now, ExpiresAt = s_now }.ToString());
        Assert.Equal("1 video, 5 seconds: 42 credits (0.21 US dollars)", new VideoCostEstimate { Count = 1, Seconds = 5, Credits = 42 }.ToString());
        Assert.Equal("1000 videos, 10000 seconds: 84000 credits (420.00 US dollars)", new VideoCostEstimate { Count = 1000, Seconds = 10_000, Credits = 84_000 }.ToString());
        Assert.Equal("boat.webp: WebP, 640 × 360", image.ToString());
        Assert.Equal("boat.webp: It is empty. It is too big.", (image with { Problems = ["It is empty.", "It is too big."] }).ToString());
    }

    [Theory]
    [InlineData(null, "A paper boat drifts.", "A paper boat drifts.")]
    [InlineData(null, "A paper boat\r\ndrifts down\u001b a brook in the rain.", "A paper boat drifts dow…")]
    [InlineData("scene 1", "A paper boat drifts.", "scene 1")]
    public void A_video_without_an_image_is_shown_by_its_name_or_the_beginning_of_its_prompt(string? name, string prompt, string shown)
        => Assert.Equal(shown, TaskDisplay.Source(new PSObject(new KlingVideoTask { Spec = new VideoSpec { Prompt = prompt, Name = name }, TaskId = "t1" })));

    [Fact]
    public void The_time_of_a_request_that_was_written_to_a_file_and_read_again_shows_the_same()
    {
        var request = new { Time = s_now.AddMilliseconds(7) };
        var copy = (PSObject)PSSerializer.Deserialize(PSSerializer.Serialize(request, depth: 2));

        string expected = request.Time.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        Assert.EndsWith(".007", expected, StringComparison.Ordinal);
        Assert.All(new[] { new PSObject(request), copy }, shown => Assert.Equal(expected, Shown.Time(shown, "Time")));
    }
}
