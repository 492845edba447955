using KlingPS.Core.Clips;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>What a video would cost, without an account and without sending anything.</summary>
internal static class LocalQuote
{
    /// <summary>A video with the length of the file that it is made from, as far as its price depends on that.</summary>
    /// <exception cref="KlingException">The file cannot be read, or the model does not take it.</exception>
    public static async Task<VideoSpec> MeasureAsync(VideoSpec spec, CancellationToken cancellationToken)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        foreach ((VideoParameter parameter, MediaSource source) in spec.Sources.Where(source => source.Source.IsFile && source.Parameter is VideoParameter.Video or VideoParameter.Audio))
        {
            ClipReport clip = await ClipInspector.InspectAsync(source.Path!, cancellationToken).ConfigureAwait(false);
            if (parameter == VideoParameter.Video)
            {
                model.ValidateVideo(clip);
            }
            else
            {
                model.ValidateAudio(clip);
            }

            spec = spec with { InputSeconds = VideoLength.From(clip.Seconds) };
        }

        return spec;
    }
}
