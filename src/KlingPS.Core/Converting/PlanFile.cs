using System.Text;
using System.Text.Json;
using KlingPS.Core.Files;

namespace KlingPS.Core.Converting;

/// <summary>The file of a plan: written as a whole or not at all, for its owner alone; and read only exactly as it was written.</summary>
internal static class PlanFile
{
    /// <summary>In bytes; enough for a plan of 30,000 images with long prompts.</summary>
    private const int MaxLength = 256 * 1024 * 1024;

    /// <summary>Refuses to replace anything but a plan or an empty file.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: something else is there. <see cref="ErrorKind.DestinationUnusable"/>: it cannot be read.</exception>
    public static void RequireReplaceable(string path)
    {
        try
        {
            if (FileFacts.OfName(path) is FileFacts facts && !(facts.Kind == FileKind.Ordinary && OrdinaryFile.IsEmptyOrHolds(path, $"\"{PlanDocument.FormPrefix}")))
            {
                throw new KlingException(ErrorKind.FileExists, $"'{path}' is not a plan, and is not replaced by one. Nothing was sent.")
                {
                    Advice = "Give the plan another path with -PlanPath.",
                };
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, exception);
        }
    }

    /// <summary>Writes a plan.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="plan">The plan, sealed.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.</exception>
    public static void Write(string path, PlanDocument plan)
    {
        try
        {
            OwnFile.CreateFolder(Path.GetDirectoryName(path)!, FileReaders.Owner);
            OwnFile.Replace(path, Encoding.UTF8.GetBytes(PlanJson.Write(plan)), FileReaders.Owner);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, exception);
        }
    }

    /// <summary>Seals a plan in such a form that it can be read again.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="redact">Hides secrets.</param>
    public static PlanDocument Seal(PlanDocument plan, Func<string, string> redact)
    {
        ArgumentNullException.ThrowIfNull(redact);
        return JsonSerializer.Deserialize(redact(JsonSerializer.Serialize(plan, PlanJson.Context.PlanDocument)), PlanJson.Context.PlanDocument)!.Sealed();
    }

    /// <summary>Reads a plan. Only its record in the ledger shows that it has not been changed: anyone who changes the file can make a new digest.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.PathNotFound"/>: there is none. <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.
    /// <see cref="ErrorKind.PlanUnusable"/>: it is not a plan, is damaged, was changed, or is of another version.
    /// </exception>
    public static PlanDocument Read(string path)
    {
        try
        {
            if (FileFacts.OfName(path) is { Kind: not FileKind.Ordinary } facts)
            {
                throw Unusable(path, $"is {facts.Description}. Name the file of the plan itself");
            }

            return Parse(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(OrdinaryFile.ReadAllBytes(path, MaxLength)));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"There is no plan '{path}'. Nothing was bought.", exception);
        }
        catch (FileTooLongException exception)
        {
            throw Unusable(path, "is larger than any plan", exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw Unusable(path, "is damaged: it is not UTF-8 text", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The plan '{path}' cannot be read: {exception.Message.TrimEnd('.')}. Nothing was bought.", exception);
        }
    }

    /// <summary>Reads the text of a plan.</summary>
    /// <param name="path">The full path, for messages.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.PlanUnusable"/>.</exception>
    internal static PlanDocument Parse(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").TrimEnd() + "\n";
        PlanDocument plan;
        try
        {
            RequireForm(path, text);
            plan = JsonSerializer.Deserialize(text, PlanJson.Context.PlanDocument)!;

            // A plan with duplicate fields, or spelled so that people read something else, is not as it was written either.
            if (plan.Sealed().Digest == plan.Digest && PlanJson.Write(plan) == text)
            {
                return plan;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            throw Unusable(path, JsonDamage.Describe(text, exception), exception);
        }

        throw Unusable(path, "was changed after it was made");
    }

    /// <summary>The error of a plan that cannot be used.</summary>
    internal static KlingException Unusable(string path, string what, Exception? cause = null)
        => new(ErrorKind.PlanUnusable, $"Nothing was bought: '{path}' {what}.", cause);

    private static void RequireForm(string path, string text)
    {
        using JsonDocument json = JsonDocument.Parse(text);
        string? form = json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("$schema", out JsonElement schema) && schema.ValueKind == JsonValueKind.String
            ? schema.GetString()
            : null;
        if (form != PlanDocument.Form)
        {
            throw form?.StartsWith(PlanDocument.FormPrefix, StringComparison.Ordinal) == true
                ? Unusable(path, $"was made by another version of KlingPS ('{form}'; this one reads '{PlanDocument.Form}')")
                : Unusable(path, "is not a plan that ConvertTo-KlingVideo -PlanPath has written");
        }
    }

    private static KlingException Unwritable(string path, Exception cause)
        => new(ErrorKind.DestinationUnusable, $"The plan cannot be written to '{path}': {cause.Message.TrimEnd('.')}. Nothing was sent.", cause)
        {
            Advice = FileTrouble.AdviseOnWriting(cause, "Choose another -PlanPath."),
        };
}
