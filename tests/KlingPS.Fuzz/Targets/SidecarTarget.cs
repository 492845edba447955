using KlingPS.Core.Saving;

namespace KlingPS.Fuzz.Targets;

/// <summary>The files beside videos and beside partial files.</summary>
internal sealed class SidecarTarget : FileTarget
{
    public override string Name => "sidecars";

    public override async Task ReadAsync(byte[] input)
    {
        string path = PathOf("fox.mp4.json");
        await File.WriteAllBytesAsync(path, input).ConfigureAwait(false);
        if (Sidecar.TryRead(path) is Sidecar sidecar)
        {
            _ = sidecar.FindIdentity();
            _ = sidecar.IsFreeClip("https://api.kie.ai");
        }

        _ = PartialState.Read(path)?.CanContinue;
        await Sidecar.RequireFreeAsync(path, overwrite: false, default).ConfigureAwait(false);
    }
}
