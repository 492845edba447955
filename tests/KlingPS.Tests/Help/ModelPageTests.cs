using System.Globalization;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Tests.Help;

/// <summary>The tables of models in the help are what the catalogue says.</summary>
public sealed class ModelPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "about_KlingPS_Models.md")).ReplaceLineEndings("\n");

    [Fact]
    public void The_prices_in_the_help_are_those_of_the_catalogue()
        => AssertTable("| model | made from | seconds | credits |", model => [model.Id, DescribeInput(model), DescribeSeconds(model), DescribePrice(model)]);

    [Fact]
    public void The_limits_in_the_help_are_those_of_the_catalogue()
        => AssertTable("| model | prompt | negative prompt | CFG scale | images |", model =>
        [
            model.Id,
            model.MaxPromptLength.ToString(CultureInfo.InvariantCulture) + (model.IsPromptOptional ? " (may be left out)" : string.Empty),
            model.Takes(VideoParameter.NegativePrompt) ? model.MaxNegativePromptLength.ToString(CultureInfo.InvariantCulture) : "no",
            model.Takes(VideoParameter.CfgScale) ? "yes" : "no",
            DescribeImages(model),
        ]);

    [Fact]
    public void What_can_be_chosen_in_the_help_is_what_the_catalogue_has()
        => AssertTable("| model | aspect ratios | resolutions | sound |", model =>
        [
            model.Id,
            Choices(model.AspectRatios, model.DefaultAspectRatio) + (model.TakesAspectRatioOfImage ? ", without an image" : string.Empty),
            Choices(model.Resolutions, model.DefaultResolution),
            !model.Takes(VideoParameter.Sound) ? "no" : model.HasSoundWithoutVideoOnly ? "yes, without a video" : "yes",
        ]);

    private static void AssertTable(string head, Func<ModelSpec, string[]> describe)
    {
        string rule = "|" + string.Concat(head.Split('|')[1..^1].Select(_ => " --- |"));
        string table = string.Join('\n', [head, rule, .. ModelCatalog.All.Select(model => $"| {string.Join(" | ", describe(model))} |")]) + "\n";

        Assert.True(s_page.Contains(table, StringComparison.Ordinal), $"The page has to have this table:\n{table}");
    }

    private static string DescribeInput(ModelSpec model)
    {
        string tail = model.Takes(VideoParameter.TailImage) ? " (and tail image)" : string.Empty;
        string images = model.MaxImages > 2 ? $"up to {model.MaxImages} images" : $"image{tail}";
        return (model.NeedsImage, model.Takes(VideoParameter.Image), model.Videos, model.Audios) switch
        {
            (_, _, _, not null) => $"{images} and audio",
            (true, _, not null, _) => $"{images} and video",
            (false, true, not null, _) when model.TakesLengthOfInput => $"video, {images} beside it",
            (false, true, not null, _) => $"{images}, or video and up to {model.MaxImagesWithVideo}",
            (true, _, _, _) => images,
            (false, true, _, _) => $"{images}, or prompt alone",
            _ => "prompt alone",
        };
    }

    private static string DescribeSeconds(ModelSpec model)
        => !model.TakesLengthOfInput ? model.DescribeDurations() : model.Audios is null ? "as the video" : "as the audio";

    /// <summary>For each resolution and with or without sound, where these make a difference.</summary>
    private static string DescribePrice(ModelSpec model)
    {
        string?[] resolutions = model.Resolutions.Count == 0 ? [null] : [.. model.Resolutions];
        string prices = string.Join(", ", resolutions.Select(resolution =>
        {
            decimal silent = Price(resolution, sound: false, video: model.TakesLengthOfInput && model.Videos is not null);
            decimal sound = Price(resolution, sound: true, video: model.TakesLengthOfInput && model.Videos is not null);
            decimal video = Price(resolution, sound: false, video: true);
            string text = Number(silent)
                + (sound == silent || !model.Takes(VideoParameter.Sound) ? string.Empty : $" ({Number(sound)} with sound)")
                + (video == silent || model.Videos is null ? string.Empty : $" ({Number(video)} from a video)");
            return resolution is null ? text : $"{resolution} {text}";
        }));
        return model.Price!.IsPerSecond ? $"{prices} per second" : $"{prices} for 5 seconds";

        decimal Price(string? resolution, bool sound, bool video)
            => model.Price!.CreditsPerSecond(new PriceFactors(resolution, sound, video)) * (model.Price.IsPerSecond ? 1 : 5);
    }

    private static string DescribeImages(ModelSpec model)
    {
        if (model.Images is not ImageRules rules)
        {
            return "none";
        }

        string formats = string.Join(", ", rules.Formats.Select(format => format == ImageFormat.WebP ? "WebP" : format.ToString().ToUpperInvariant()));
        string side = rules.MinSide > 0 ? $", sides from {rules.MinSide} pixels" : string.Empty;
        string ratio = rules.MaxRatio > 0 ? string.Create(CultureInfo.InvariantCulture, $", 1:{rules.MaxRatio} to {rules.MaxRatio}:1") : string.Empty;
        return $"{formats}, {rules.MaxLength / 1024 / 1024} MB{side}{ratio}";
    }

    private static string Choices(IReadOnlyList<string> values, string? preset)
        => values.Count == 0 ? "no" : string.Join(", ", values.Select(value => value == preset ? $"{value} (default)" : value));

    private static string Number(decimal credits) => credits.ToString("0.##", CultureInfo.InvariantCulture);
}
