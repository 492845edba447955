namespace KlingPS.Sandbox.Uploads;

/// <summary>What an upload request says, whichever form it has.</summary>
internal sealed class UploadForm : IDisposable
{
    internal PendingUpload? File { get; set; }

    internal string? UploadPath { get; set; }

    /// <summary>The name asked for.</summary>
    internal string? FileName { get; set; }

    /// <summary>The name the file has at the client; only its extension is used.</summary>
    internal string? OriginalName { get; set; }

    /// <summary>What is wrong with the request, if that is known already.</summary>
    internal string? Problem { get; set; }

    public void Dispose() => File?.Dispose();
}
