using KlingPS.Core.Gallery;

namespace KlingPS.Fuzz.Targets;

/// <summary>Choices that were saved from the page of a gallery, as JSON and as tables.</summary>
internal sealed class ChoiceTarget : FileTarget
{
    private static readonly string s_place = Path.GetFullPath("gallery");

    public override string Name => "choices";

    public override async Task ReadAsync(byte[] input)
    {
        string path = PathOf("gallery.choice.json");
        await File.WriteAllBytesAsync(path, input).ConfigureAwait(false);
        foreach (ChoiceRow row in (await ChoiceFile.ReadAsync(path, default).ConfigureAwait(false)).Rows)
        {
            if (row.Choice.Rating is < 0 or > GalleryChoice.MaxRating || row.Key.Length == 0)
            {
                throw new BrokenPromiseException($"The rating is {row.Choice.Rating}, the key '{row.Key}'.");
            }

            if (row.Video is string video && PageText.FromLink(video) is string relative && !Path.GetFullPath(Path.Combine(s_place, relative)).StartsWith(s_place + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new BrokenPromiseException($"'{video}' leads to '{relative}'.");
            }
        }
    }
}
