using KlingPS.Core.Files;

namespace KlingPS.Core.Api;

/// <summary>Tells whether two addresses lead to the same service, and finds the account in an address of the service.</summary>
internal static class ServiceAddress
{
    /// <summary>How the address of every service on this machine begins.</summary>
    public const string HerePrefix = Local + ":";

    /// <summary>The folder on the upload host that everything goes to.</summary>
    public const string UploadFolder = "klingps";

    /// <summary>The host of a service on this machine.</summary>
    private const string Local = "localhost";

    /// <summary>The most digits an account's number has.</summary>
    private const int MaxDigits = 20;

    /// <summary>The address of a service in a form that all its spellings share.</summary>
    /// <param name="endpoint">The jobs API.</param>
    public static string From(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        string host = endpoint.IsLoopback ? Local : endpoint.IdnHost.TrimEnd('.').ToLowerInvariant();
        return FormattableString.Invariant($"{host}:{endpoint.Port}/{endpoint.AbsolutePath.Trim('/')}");
    }

    /// <summary>Whether a service is on this machine, as a sandbox is. Each port is a service of its own then, and none of them has another address.</summary>
    /// <param name="service">The service, see <see cref="From"/>.</param>
    public static bool IsHere(string service) => service.StartsWith(HerePrefix, StringComparison.Ordinal);

    /// <summary>A service as people write its address.</summary>
    /// <param name="service">The service, see <see cref="From"/>.</param>
    public static string Describe(string service) => service.Replace(":443/", "/", StringComparison.Ordinal).TrimEnd('/');

    /// <summary>Whether an address leads to this machine, as those of a sandbox do.</summary>
    public static bool IsLocal(string? address) => Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.IsLoopback;

    /// <summary>The number of the account that an upload was made with: the service puts it into the path.</summary>
    /// <param name="upload">The address of the upload.</param>
    /// <returns><see langword="null"/> if there is none in it.</returns>
    public static string? FindAccountNumber(string? upload) => FindUpload(upload).Number;

    /// <summary>The content of an upload of this module, whichever ledger knows of it: it is stored under its hash.</summary>
    /// <param name="upload">The address of the upload, as the service repeats it.</param>
    /// <returns>The SHA-256, in lower-case hex; <see langword="null"/> for every other address.</returns>
    public static string? FindContent(string? upload)
        => FindUpload(upload) is (not null, [UploadFolder, string name]) && name.Split('.')[0] is string hash && ContentHash.IsValid(hash) ? hash : null;

    /// <summary>The number of the account, and what follows it in the path.</summary>
    private static (string? Number, string[] Below) FindUpload(string? upload)
    {
        if (!Uri.TryCreate(upload, UriKind.Absolute, out Uri? uri))
        {
            return (null, []);
        }

        string[] segments = uri.AbsolutePath.Split('/');
        int folder = Array.IndexOf(segments, "kieai");
        string? number = folder >= 0 ? segments.ElementAtOrDefault(folder + 1) : null;
        return number is { Length: > 0 and <= MaxDigits } && number.All(char.IsAsciiDigit) ? (number, segments[(folder + 2)..]) : (null, []);
    }

    /// <summary>An address without the number of an account, for people to see.</summary>
    public static string MaskAccountNumber(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return FindAccountNumber(address) is string number ? address.Replace($"/kieai/{number}", "/kieai/…", StringComparison.Ordinal) : address;
    }
}
