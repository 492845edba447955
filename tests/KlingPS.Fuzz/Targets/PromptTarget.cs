using KlingPS.Core.Model;
using KlingPS.Core.Submitting;

namespace KlingPS.Fuzz.Targets;

/// <summary>Text files beside images, and what becomes of their prompts in a request.</summary>
internal sealed class PromptTarget : FileTarget
{
    public override string Name => "prompts";

    public override async Task ReadAsync(byte[] input)
    {
        string image = PathOf("fox.png");
        await File.WriteAllBytesAsync(image + ".txt", input).ConfigureAwait(false);
        if (await PromptFile.ReadAsync(image, ModelCatalog.Default, default).ConfigureAwait(false) is not (_, string text))
        {
            return;
        }

        string normal = PromptText.Normalize(text);
        if (PromptText.Normalize(normal) != normal)
        {
            throw new BrokenPromiseException("A text has two spellings.");
        }

        VideoSpec spec = new VideoSpec { Prompt = text, Image = MediaSource.FromUri("https://images.example/fox.png") }.Normalized();
        ModelCatalog.Default.Validate(spec);
        _ = spec.GetIdentity();
    }
}
