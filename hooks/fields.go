package hooks

// hookVariable is the variable with the name of the hook.
const hookVariable = "HOOK"

// Fields that come from here and never from a catalogue, which could name any file by them.
const (
	pathLocal       = "path_local"        // insert_item: the file, as a temporary copy
	contentFilePath = "content_file_path" // insert_index, insert_products: the document, as a temporary copy
	itemURL         = "item_url"          // insert_item: where the file is
)
